"""The executor that runs models on a Ray cluster, or on this machine where there is none (extra ``ray``)."""
