// interop: the runner. Starts the broker and an agent per client, puts the scenarios on them, prints a line per check.
import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { assignors } from './assignors/assignors.ts'
import { confluent } from './confluent/client.ts'
import { directories } from './directories/directories.ts'
import { adminTools } from './java/admin-tools.ts'
import { java } from './java/client.ts'
import { connect } from './java/connect.ts'
import { groupTool } from './java/group-tool.ts'
import { securityTools } from './java/security-tools.ts'
import { streams } from './java/streams.ts'
import { tools } from './java/tools.ts'
import { transactionsTool } from './java/transactions-tool.ts'
import { kafkajs } from './kafkajs/client.ts'
import { kcat } from './kcat/client.ts'
import { nodeRdkafka } from './node-rdkafka/client.ts'
import { admin } from './scenarios/admin.ts'
import { bank } from './scenarios/bank.ts'
import { type Broker, externalBroker, removeDirectory, startKafka, startOdradek, tail } from './scenarios/broker.ts'
import { churn } from './scenarios/churn.ts'
import { Client, type ClientDescription, type Installed } from './scenarios/client.ts'
import { consumerGroups } from './scenarios/consumer-groups.ts'
import { exampleBrokers } from './scenarios/example-brokers.ts'
import { groups } from './scenarios/groups.ts'
import { produceAndConsume } from './scenarios/produce-consume.ts'
import { assertEqual, Report } from './scenarios/report.ts'
import { restart } from './scenarios/restart.ts'
import type { Run } from './scenarios/run.ts'
import { secure } from './scenarios/secure.ts'
import { threeBrokers } from './scenarios/three-brokers.ts'
import { transactions } from './scenarios/transactions.ts'

const descriptions: readonly ClientDescription[] = [kafkajs, nodeRdkafka, confluent, kcat, java]
const scenarios: Record<string, (run: Run) => Promise<void>> = {
  produceAndConsume,
  groups,
  consumerGroups,
  transactions,
  admin,
  tools,
  groupTool,
  transactionsTool,
  adminTools,
  // It has a broker of its own, with an authorizer and logins.
  securityTools: (run) =>
    process.env.BOOTSTRAP ? Promise.resolve() : securityTools(run, { directory, running, start: startSecured }),
  restart,
  bank: (run) => bank(run, { ms: bankSeconds * 1000, seed, installed, directory, running }),
  streams: (run) => streams(run, { installed, directory, running }),
  connect: (run) => connect(run, { installed, directory, running }),
  churn: (run) => churn(run, { ms: churnSeconds * 1000, seed, installed, directory, running }),
  // Only Odradek runs several brokers in one process.
  threeBrokers: (run) =>
    ownBroker ? threeBrokers(run, { root, directory, installed, running, descriptions }) : Promise.resolve(),
  // It has a broker of its own, with listeners of every kind.
  secure: (run) => (ownBroker ? secure(run, { root, directory, installed, running }) : Promise.resolve()),
  exampleBrokers: (run) =>
    ownBroker ? exampleBrokers(run, { root, directory, installed, running }) : Promise.resolve(),
  assignors: (run) => assignors(run, installed, directory),
  // It is about directories and has brokers of its own; on another broker's run there may be no Odradek built.
  directories: (run) => (ownBroker ? directories(run, { root, directory, installed, running }) : Promise.resolve()),
}

const { values: options } = parseArgs({
  options: {
    kafka: { type: 'boolean', default: false },
    only: { type: 'string' },
    scenario: { type: 'string' },
    'churn-seconds': { type: 'string', default: '30' },
    'bank-seconds': { type: 'string', default: '12' },
    seed: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
})
const root = new URL('..', import.meta.url).pathname.replace(/\/$/, '')
const churnSeconds = Number(options['churn-seconds'])
const bankSeconds = Number(options['bank-seconds'])
/** Says what is chosen; what there is to choose from depends on how quick the clients are. */
const seed = Number(options.seed ?? Date.now() % 1_000_000)
/** Odradek is what is tried: not `--kafka`, not one that is there already. */
const ownBroker = !options.kafka && !process.env.BOOTSTRAP
const isCi = ['true', '1'].includes(process.env.CI ?? '')
const installed: Installed = {
  modules: process.env.INTEROP_MODULES ?? '',
  jars: process.env.INTEROP_JARS ?? '',
  classes: process.env.INTEROP_CLASSES ?? '',
}
const directory = mkdtempSync(`${tmpdir()}/odradek-interop-`)
const report = new Report()
const running: { kill(): void }[] = []

function onInterrupt(signal: string): void {
  for (const one of running) one.kill()
  removeDirectory(directory)
  console.log(`FAIL all: interrupted by ${signal}`)
  process.exit(1)
}
function giveUp(behaviour: string, reason: string): never {
  for (const one of running) one.kill()
  report.fail('all', behaviour, `${reason}; logs are kept in ${directory}`)
  console.log(report.summary())
  process.exit(1)
}

const onDeath = (reason: string) => giveUp('the broker stays up', reason)

/** A broker that answers nothing would otherwise cost each check its own limit. */
const limitMs = 10 * 60_000 + (churnSeconds + bankSeconds) * 1000
setTimeout(() => giveUp('the run', `it was not done after ${(limitMs / 60_000).toFixed(1)} minutes`), limitMs).unref()
process.on('SIGINT', onInterrupt)
process.on('SIGTERM', onInterrupt)

async function startBroker(): Promise<Broker> {
  if (process.env.BOOTSTRAP) return externalBroker(process.env.BOOTSTRAP)
  return options.kafka ? startKafka(installed.jars, directory, onDeath) : startOdradek(root, directory, onDeath)
}

/** The broker under test once more, with configs and listeners besides. */
function startSecured(
  own: string,
  { settings, listeners }: { settings: readonly string[]; listeners: readonly string[] },
): Promise<Broker> {
  if (options.kafka) return startKafka(installed.jars, own, onDeath, { settings, listeners })
  const all = `listeners=${['PLAINTEXT://localhost:0', ...listeners].join(',')}`
  return startOdradek(root, own, onDeath, { settings: [...settings, all] })
}

async function startClients(broker: Broker): Promise<{ clients: Client[]; hands: Client }> {
  const only = options.only?.split(',')
  const start = async (description: ClientDescription) => {
    const client = await Client.start(description, installed, broker.bootstrap, directory)
    running.push(client)
    return client
  }
  const hands = await start({ ...kafkajs, name: 'hands' })
  const wanted = descriptions.filter(({ name }) => !only || only.includes(name))
  const started = await Promise.all(
    wanted.map(async (description) => {
      const missing = description.missing(installed)
      if (missing !== undefined) {
        report.skip(description.name, missing, isCi)
        return []
      }
      try {
        return [await start(description)]
      } catch (error) {
        report.fail(description.name, 'starts', (error as Error).message)
        return []
      }
    }),
  )
  return { clients: started.flat(), hands }
}

const seconds = (since: number) => ((Date.now() - since) / 1000).toFixed(1)

const started = Date.now()
let broker: Broker | undefined
try {
  broker = await startBroker()
  running.push(broker)
  const { clients, hands } = await startClients(broker)
  console.log(`# ${clients.map(({ name }) => name).join(', ')} against ${broker.name} at ${broker.bootstrap}`)
  const prefix = process.env.BOOTSTRAP ? `interop-${process.pid}-${Date.now() % 100_000}-` : ''
  const run: Run = { broker, clients, hands, report, prefix }
  for (const [name, scenario] of Object.entries(scenarios)) {
    if (options.scenario && !options.scenario.split(',').includes(name)) continue
    const since = Date.now()
    await scenario(run).catch((error) => report.fail('all', name, (error as Error).message))
    console.log(`# ${name}: ${seconds(since)} s`)
  }
  await Promise.all([...clients, hands].map((client) => client.close()))
  await broker.stop()
  const { errors } = broker
  if (errors) await report.check('all', 'the broker logs no error', async () => assertEqual(errors(), [], 'errors'))
} catch (error) {
  report.fail('all', 'the run', (error as Error).message)
  for (const one of running) one.kill()
}
if (report.failed > 0 && existsSync(`${directory}/broker.log`)) {
  console.log(`# the broker's last lines: ${tail(`${directory}/broker.log`)}`)
}
if (options.keep || report.failed > 0) console.log(`# logs are kept in ${directory}`)
else removeDirectory(directory)
console.log(`# ${seconds(started)} s in all`)
console.log(report.summary())
process.exit(report.failed > 0 ? 1 : 0)
