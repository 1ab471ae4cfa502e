"""Persistent state of the service on disk or in a database: study states, records, inbox, outbox, job queue."""
