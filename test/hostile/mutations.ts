/** test: what is done to a whole request to make a hostile one of it. Nothing but the seed decides. */
import { SeededRandom } from '../../src/runtime/random.ts'
import { framed } from '../network/raw-client.ts'
import { Chance } from '../simulation/chance.ts'
import { anyRequest, type Target } from './requests.ts'

/** Key, version and correlation id: spared most of the time, so that what follows is looked at. */
const headerStart = 8
const sizeBytes = 4
const hugeNumbers = [
  '7fffffff',
  'ffffffff',
  '80000000',
  '00ffffff',
  'ffffffff07',
  'ffffffff0f',
  '80808080',
  '7fff',
  'ffff',
]
const maxBytes = 200_000

export interface HostileFrame {
  /** With its size, which need not be right. */
  readonly bytes: Buffer
  /** What follows it on the connection is not read as it was meant. */
  readonly misleads: boolean
}

/** The frame number `index` of a seed. */
export function hostileFrame(seed: number, index: number, target: Target): HostileFrame {
  const chance = new Chance(new SeededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)))
  let body = anyRequest(chance, target)
  for (let times = chance.pick([1, 1, 1, 1, 2, 3]); times > 0; times -= 1) {
    body = chance.pick(mutations)(body, chance, target)
  }
  const bytes = framed(body.subarray(0, maxBytes))
  if (!chance.happens(0.04)) return { bytes, misleads: false }
  bytes.writeInt32BE(chance.pick([-1, 0, 3, body.length - 1, body.length + 1, 1_000_000, 0x7fffffff]), 0)
  return { bytes, misleads: true }
}

/** The frame as it was before anything was done to it. */
export function wholeFrame(seed: number, index: number, target: Target): HostileFrame {
  const chance = new Chance(new SeededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)))
  return { bytes: framed(anyRequest(chance, target)), misleads: false }
}

type Mutation = (body: Buffer, chance: Chance, target: Target) => Buffer

const mutations: readonly Mutation[] = [flipped, flipped, overwritten, huge, huge, cut, spliced, repeated, inserted]

function somewhere(body: Buffer, chance: Chance): number {
  const start = chance.happens(0.95) ? Math.min(headerStart, body.length) : 0
  return start + chance.below(body.length - start)
}

function flipped(body: Buffer, chance: Chance): Buffer {
  for (let flips = chance.pick([1, 1, 2, 4]); flips > 0 && body.length > 0; flips -= 1) {
    body[somewhere(body, chance)]! ^= 1 << chance.below(8)
  }
  return body
}

function overwritten(body: Buffer, chance: Chance): Buffer {
  if (body.length > 0) body[somewhere(body, chance)] = chance.pick([0, 1, 0x7f, 0x80, 0xff])
  return body
}

/** Counts and lengths far beyond what is there. */
function huge(body: Buffer, chance: Chance): Buffer {
  Buffer.from(chance.pick(hugeNumbers), 'hex').copy(body, somewhere(body, chance))
  return body
}

function cut(body: Buffer, chance: Chance): Buffer {
  return body.subarray(0, somewhere(body, chance))
}

function spliced(body: Buffer, chance: Chance, target: Target): Buffer {
  const other = anyRequest(chance, target)
  return Buffer.concat([body.subarray(0, somewhere(body, chance)), other.subarray(somewhere(other, chance))])
}

function repeated(body: Buffer, chance: Chance): Buffer {
  const start = somewhere(body, chance)
  const part = body.subarray(start, start + chance.between(1, 40))
  const times = chance.pick([2, 10, 1000])
  return Buffer.concat([body.subarray(0, start), ...Array<Buffer>(times).fill(part), body.subarray(start)])
}

function inserted(body: Buffer, chance: Chance): Buffer {
  const at = somewhere(body, chance)
  return Buffer.concat([body.subarray(0, at), chance.random.bytes(chance.between(sizeBytes, 64)), body.subarray(at)])
}
