/**
 * test: sends hostile frames on many connections at once, several ahead of their answers. What a connection did not come to before the
 * broker ended it is sent again on the next one, so that every frame is looked at.
 */
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { HostileFrame } from './mutations.ts'

const defaultFramesAhead = 16
/** A connection that hears nothing for so long is given up: its request waits for something, or is thought to go on. */
const patienceMs = 250

export interface Attack {
  readonly ports: readonly number[]
  readonly connections: number
  readonly count: number
  frame(index: number): HostileFrame
  /** No more frames are begun in a second; as many as are answered, unless told. */
  readonly framesPerSecond?: number | undefined
  /** On each connection; 16 unless told. */
  readonly framesAhead?: number | undefined
  /** Frames that are done with, now and then. */
  progress?(done: number): void
}

export async function attack(order: Attack): Promise<void> {
  const { ports, connections, count, frame, progress, framesAhead = defaultFramesAhead } = order
  const turn = paced(order.framesPerSecond)
  let next = 0
  let done = 0
  const fill = (queue: HostileFrame[]): void => {
    while (queue.length < framesAhead && next < count && !queue.at(-1)?.misleads) {
      queue.push(frame(next))
      next += 1
    }
  }
  const one = async (number: number): Promise<void> => {
    let queue: HostileFrame[] = []
    for (let round = 0; ; round += 1) {
      fill(queue)
      if (queue.length === 0) return
      await turn(next)
      const answers = await send(ports[(number + round) % ports.length]!, queue)
      // The one without an answer is the one that ended it.
      const over = Math.min(queue.length, answers + 1)
      queue = queue.slice(over)
      done += over
      progress?.(done)
    }
  }
  await Promise.all(Array.from({ length: connections }, (_, number) => one(number)))
}

/** Waits until it is time for so many frames, counted from now on. */
function paced(framesPerSecond: number | undefined): (frames: number) => Promise<void> | undefined {
  const startMs = performance.now()
  return (frames) => {
    if (framesPerSecond === undefined) return undefined
    const aheadMs = startMs + (frames * 1000) / framesPerSecond - performance.now()
    return aheadMs > 0 ? delay(aheadMs) : undefined
  }
}

/** How many answers came to `frames` on a connection of their own before it ended. */
function send(port: number, frames: readonly HostileFrame[]): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    const answers = new AnswerCounter()
    socket.setTimeout(patienceMs, () => socket.destroy())
    socket.on('data', (chunk) => {
      answers.push(chunk)
      if (answers.count >= frames.length) socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(answers.count))
    socket.write(Buffer.concat(frames.map(({ bytes }) => bytes)))
    if (frames.at(-1)!.misleads) socket.end()
  })
}

/** Counts frames without keeping them. */
class AnswerCounter {
  count = 0
  #skip = 0
  #size: number[] = []

  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - at)
        this.#skip -= skipped
        at += skipped
        if (this.#skip === 0) this.count += 1
        continue
      }
      this.#size.push(chunk[at]!)
      at += 1
      if (this.#size.length < 4) continue
      this.#skip = Buffer.from(this.#size).readInt32BE(0)
      this.#size = []
      if (this.#skip === 0) this.count += 1
    }
  }
}
