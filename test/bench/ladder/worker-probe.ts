import cluster from 'node:cluster'
import { tellUsed } from './probe.ts'

// Loaded into every process of a gateway with `--import`: its worker tells what it uses.
const path = process.env['LADDER_PROBE']
if (cluster.isWorker && path !== undefined) await tellUsed(path)
