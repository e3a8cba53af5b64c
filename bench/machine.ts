/** bench: where and when figures were made, as the page says it. */
import os from 'node:os'

/** @param command that repeats them */
export function machine(command: string): {
  readonly date: string
  readonly machine: string
  readonly command: string
} {
  const processors = `${os.cpus().length} x ${os.cpus()[0]?.model}`
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${processors}, Linux ${os.release()}, Node ${process.version}`,
    command,
  }
}
