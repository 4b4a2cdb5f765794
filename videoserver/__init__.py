"""What the API answers, free of HTTP: settings, jobs in memory, and the service over a library."""
