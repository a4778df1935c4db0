"""Small parts without a domain: ids, clock, pages, signatures."""
