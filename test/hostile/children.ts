/** test: the processes of the fuzz command, each told what to do by a message, and saying by another that it is done. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { AttackOrder } from './attacker.ts'
import type { Order } from './target.ts'

/** `file` of this directory. */
export function startChild(file: string): ChildProcess {
  return fork(join(import.meta.dirname, file))
}

/** What `child` says to `order`, or says next. @throws Error when it dies before */
export async function replyOf<T>(child: ChildProcess, order?: Order | AttackOrder): Promise<T> {
  const gone = new AbortController()
  const reply = once(child, 'message', { signal: gone.signal }).then(([message]) => message as T)
  const exit = once(child, 'exit', { signal: gone.signal }).then(([code, signal]) => {
    throw new Error(`the process ended with ${signal ?? code}`)
  })
  if (order !== undefined) child.send(order)
  try {
    return await Promise.race([reply, exit])
  } finally {
    gone.abort()
    await Promise.allSettled([reply, exit])
  }
}
