"""What `benchmarks/web.py` is made of: servers as child processes, streams, a browser, and a page of the peer."""
