"""A demo that stands on its own: real packs, a site, a hub, and a walk through them."""
