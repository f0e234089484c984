"""What Pythons that a kernel in lockdown starts find first, because `PYTHONPATH` names this folder."""

OWN_PACKAGES = "ENVGUARD_OWN_PACKAGES"
"""Names the variable that is set where packages of the user's own load."""
