"""What the service keeps on disk or in a database: study states, records, inbox, outbox, job queue."""
