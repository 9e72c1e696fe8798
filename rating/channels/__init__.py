"""Channels for the engineer: how full trunks were, what they were offered, how many channels that takes.

1 reading    files -> the calls of each trunk      run.py, attempts.py
2 sweep      channels held, hour by hour           hours.py, sweep.py
3 lines      busy hours, Erlang B, ASR, ACD, PDD   lines.py, busy.py, quality.py
4 pages      terminal, JSON, CSV, HTML, plots      text.py, record.py, page.py, plots.py
"""
