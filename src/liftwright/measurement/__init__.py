"""Did it work: who is held out, what the test can detect, the effect with its interval, when to stop, the report. Tables in, values out."""
