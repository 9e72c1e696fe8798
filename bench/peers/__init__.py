"""The same rating by other engines, as one would write it by hand for one book and one kind of month."""
