"""The agent on the service centre's PC, and the city-side receiver."""
