"""What a month would have cost with other channels, another plan, another mode of its limits.

START HERE: engine.py rates the alternatives, portion by portion, on the stages of the batch.
"""
