"""Sets up a message broker that trusts nobody: certificates, access rules, configuration."""
