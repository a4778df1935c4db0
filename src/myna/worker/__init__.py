"""Durable execution: launch, queue, heartbeat, recovery, schedules."""
