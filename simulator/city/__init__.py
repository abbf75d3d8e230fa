"""A small municipal system: it takes what the receiver hands on, keeps it by id, and shows it to a person."""
