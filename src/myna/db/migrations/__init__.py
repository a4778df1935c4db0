"""The history of the tables. `Database.migrate()` runs what is missing."""
