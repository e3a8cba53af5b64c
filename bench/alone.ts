/** bench: the commands that need nothing but Node: no other broker, no compiler. Started by run.sh with the command as first flag. */
import { guard } from './guard/guard.ts'
import { longRun } from './long-run/long-run.ts'
import { writePage } from './page/write.ts'
import { scale } from './scale/scale.ts'

const commands: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  '--guard': guard,
  '--long-run': longRun,
  '--page': writePage,
  '--scale': scale,
}

const [command, ...args] = process.argv.slice(2)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
try {
  process.exit(await commands[command!]!(args))
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(1)
}
