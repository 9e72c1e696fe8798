"""The gateway: one admission policy for every SIP engine, without any SIP library."""
