"""The running service: receive, decide that a study is complete, compute, deliver, watch over itself."""
