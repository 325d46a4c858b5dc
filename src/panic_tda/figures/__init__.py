"""Pure functions from frames to pictures and pages."""
