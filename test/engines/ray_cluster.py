"""A Ray cluster on this machine: a head without processors and two nodes. Removes the nodes whose pids standard input names."""

import os
import sys

from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
nodes = {}
for _ in range(2):
    node = cluster.add_node(num_cpus=2, memory=4 * 2**30)
    nodes[node.all_processes["raylet"][0].process.pid] = node
print("address", cluster.address, flush=True)
print("nodes", *nodes, flush=True)
for line in sys.stdin:
    cluster.remove_node(nodes[int(line)], allow_graceful=False)
    print("removed", int(line), flush=True)
# The test ends what is left.
os._exit(0)
