"""The operators' console: pages made on the server, and a little script that keeps the first one alive."""
