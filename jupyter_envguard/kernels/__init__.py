"""What jupyter_client loads: which kernels there are for this user, and how one is started."""
