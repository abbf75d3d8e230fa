"""The embedded default: broker, agent, receiver, city and simulated terminals, started together on one machine."""
