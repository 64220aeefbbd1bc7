"""Who downloads: credentials, tokens, slots, and what each account may receive and has."""
