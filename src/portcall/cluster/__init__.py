"""Members of the cluster; a server alone is a cluster of one."""
