"""Every order of events: how a goal walks, how a decision is taken, how sends leave, how a campaign adapts and teaches.

The only place that knows LangGraph. No rule, no statistic and no prompt lives here.
"""
