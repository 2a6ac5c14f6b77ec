"""Serves a GGUF file by the embedded engine over HTTP until standard input ends; prints its address first."""

import sys

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.n_parallel = 1
params.n_ctx = 1024
params.cpuparams.n_threads = 2
params.n_gpu_layers = 0
params.hostnames, params.port = ["127.0.0.1"], int(sys.argv[2])
params.api_keys = [sys.argv[3]]
params.fit_params = params.ui = False
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
