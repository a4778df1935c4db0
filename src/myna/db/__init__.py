"""The database: tables, transactions, migrations."""
