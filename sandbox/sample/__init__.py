"""What all sample upstreams share: the HTTP server with its control API, fault switches, the command line."""
