//! Prometheus metrics with bounded labels, counted per worker and summed when scraped.
