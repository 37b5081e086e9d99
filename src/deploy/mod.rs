//! Agents in the cluster: the only module that changes anything there.
