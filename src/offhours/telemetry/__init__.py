"""What others see of the work: metrics for Prometheus, traces for OpenTelemetry, logs as JSON.

A reader of the event stream; what it needs beside the standard library is imported on use.
"""
