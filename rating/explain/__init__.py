"""The derivation of one call, from the outputs of a run alone, by a path of its own.

    folder.py   what a run left: the call, its trunk's month, the book and accounts of the time
    amount.py   the money, increment by increment, in exact fractions
    limits.py   the plan's limits, one call at a time
    derive.py   START HERE: the steps in order, and the comparison with the run's figures
    words.py    the same in plain English and French

Nothing of classify.py, fair_use.py or price.py is used: two paths that agree are worth more than one.
"""
