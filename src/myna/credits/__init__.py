"""The ledger: hold, settle, void, expire."""
