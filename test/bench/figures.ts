import type { Figure } from './figure.ts'
import { bigPack } from './figures/big-pack.ts'
import { cold } from './figures/cold.ts'
import { delegated } from './figures/delegated.ts'
import { floods } from './figures/floods.ts'
import { forged } from './figures/forged.ts'
import { generated } from './figures/generated.ts'
import { forwardAuth } from './figures/forward-auth.ts'
import { ladder } from './figures/ladder.ts'
import { memory } from './figures/memory.ts'
import { proxied } from './figures/proxied.ts'
import { stampede } from './figures/stampede.ts'
import { store } from './figures/store.ts'
import { underAttack } from './figures/under-attack.ts'
import { workers } from './figures/workers.ts'

/** All of them, in the order in which they are run and told. */
export const figures: readonly Figure[] = [
  proxied,
  ladder,
  delegated,
  forwardAuth,
  underAttack,
  floods,
  stampede,
  cold,
  forged,
  generated,
  bigPack,
  memory,
  store,
  workers,
]
