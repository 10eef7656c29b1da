"""Who may use the console: accounts, sessions, tokens, checks of requests, audit trail."""
