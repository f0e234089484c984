"""What jupyter_server loads: the REST API of a session, and refusals that reach the browser in words."""
