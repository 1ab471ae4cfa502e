"""The appliance: command line, settings, receiver and inbox, jobs, pipeline, delivery, health."""
