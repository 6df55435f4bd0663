"""The peer of the training-step benchmark: the same autoencoder step in PyTorch eager.

Reads a number of steps a line on stdin, answers with the seconds they took; see TrainStep.cs, which runs the pairs.
usage: train_step.py THREADS foreach|single ROWS
"""
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

X, H, Z, BATCH = 784, 500, 64, 128
LOG_SIGMA_MIN = -13.815510558  # ln 1e-6
LOG_2PI = 1.8378770664


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(X, H), nn.Tanh(), nn.Linear(H, H), nn.Tanh())
        self.mean, self.scale = nn.Linear(H, Z), nn.Linear(H, Z)

    def forward(self, x):
        h = self.trunk(x)
        return self.mean(h), LOG_SIGMA_MIN + F.softplus(self.scale(h) - LOG_SIGMA_MIN)


def main():
    threads, foreach, rows = int(sys.argv[1]), sys.argv[2] == "foreach", int(sys.argv[3])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    encoder = Encoder()
    decoder = nn.Sequential(nn.Linear(Z, H), nn.Tanh(), nn.Linear(H, H), nn.Tanh(), nn.Linear(H, X))
    parameters = [*encoder.parameters(), *decoder.parameters()]
    adam = torch.optim.Adam(parameters, lr=1e-3, foreach=foreach)
    data = torch.rand(rows, X)
    order, cursor = torch.randperm(rows), 0
    total = torch.zeros(())

    def step():
        nonlocal order, cursor, total
        if cursor + BATCH > rows:
            order, cursor = torch.randperm(rows), 0
        x = data.index_select(0, order[cursor:cursor + BATCH])
        cursor += BATCH
        mean, log_sigma = encoder(x)
        eps = torch.randn_like(mean)
        z = mean + log_sigma.exp() * eps
        logits = decoder(z)
        log_px = (x * logits - F.softplus(logits)).sum(-1)
        log_pz = (-0.5 * (z * z + LOG_2PI)).sum(-1)
        log_qz = (-0.5 * (((z - mean) / log_sigma.exp()) ** 2 + LOG_2PI) - log_sigma).sum(-1)
        loss = (log_qz - log_pz - log_px).mean()
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        total += loss.detach()

    for line in sys.stdin:
        begin = time.perf_counter()
        for _ in range(int(line)):
            step()
        print(time.perf_counter() - begin, flush=True)


main()
