"""The gateway's CDRs on disk: rows of calls that are over, and a journal of those that are up."""
