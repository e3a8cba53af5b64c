// interop: `kafka-acls` and `kafka-delegation-tokens` line by line, each on a broker of its own with the StandardAuthorizer and a listener for logins. What
// they say of Apache Kafka is kept in security-tools.json; Odradek has to say the same. Tokens and times are masked.
import { mkdirSync, writeFileSync } from 'node:fs'
import { type Broker, freePort } from '../scenarios/broker.ts'
import type { Client } from '../scenarios/client.ts'
import { checkClient, type Run } from '../scenarios/run.ts'
import { Recording, type Said } from './recorded.ts'

const classes = {
  acls: 'org.apache.kafka.tools.AclCommand',
  tokens: 'org.apache.kafka.tools.DelegationTokenCommand',
}
type Tool = keyof typeof classes

const fixture = new URL('security-tools.json', import.meta.url)
const security = 'org.apache.kafka.common.security'
const users = ['admin', 'alice', 'bob'] as const
type User = (typeof users)[number]

/** Admin is a super user, and so is whoever comes by PLAINTEXT, as Kafka's own controller does. */
const settings = [
  'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT',
  'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users=User:ANONYMOUS;User:admin',
  'delegation.token.secret.key=interop',
  'listener.name.sasl_plaintext.sasl.enabled.mechanisms=PLAIN',
  `listener.name.sasl_plaintext.plain.sasl.jaas.config=${security}.plain.PlainLoginModule required ${users
    .map((user) => `user_${user}="${user}-secret"`)
    .join(' ')};`,
]

export type Place = {
  directory: string
  running: { kill(): void }[]
  start(directory: string, options: { settings: readonly string[]; listeners: readonly string[] }): Promise<Broker>
}

/** `plain`, `logins`: addresses of the listeners. */
type Bench = { run: Run; client: Client; directory: string; recorded: Recording; plain: string; logins: string }

export async function securityTools(run: Run, { directory: parent, running, start }: Place): Promise<void> {
  const client = run.clients.find((one) => one.can('tool'))
  if (!client) return
  const directory = `${parent}/security-tools`
  mkdirSync(directory, { recursive: true })
  const logins = `localhost:${await freePort()}`
  const broker = await start(directory, { settings, listeners: [`SASL_PLAINTEXT://${logins}`] })
  running.push(broker)
  for (const user of users) writeFileSync(configFile(directory, user), loginOf(user))
  const bench = { run, client, directory, recorded: new Recording(run, fixture), plain: broker.bootstrap, logins }
  try {
    await additions(bench)
    await listings(bench)
    await refusals(bench)
    await removals(bench)
    await tokens(bench)
  } finally {
    await broker.stop()
  }
  bench.recorded.close()
}

const configFile = (directory: string, user: User) => `${directory}/${user}.properties`

const loginOf = (user: User) => `security.protocol=SASL_PLAINTEXT
sasl.mechanism=PLAIN
sasl.jaas.config=${security}.plain.PlainLoginModule required username="${user}" password="${user}-secret";
`

async function additions(bench: Bench): Promise<void> {
  const says = (name: string, args: string) => lines(bench, 'acls', `add ${name}`, `--add ${args}`)
  const alice = '--allow-principal User:alice'
  await lines(bench, 'acls', 'list of none', '--list')
  await says('for operations', `${alice} --operation Read --operation Describe --topic lines`)
  await says('that is there', `${alice} --operation Read --topic lines`)
  await says('for everything', `${alice} --topic lines-all`)
  await says(
    'for two principals and hosts',
    `${alice} --allow-principal User:bob --allow-host 10.0.0.1 --allow-host 10.0.0.2 --operation Write --topic lines`,
  )
  await says('that denies', '--deny-principal User:bob --deny-host 10.0.0.3 --operation Write --topic lines')
  await says('that allows and denies', `${alice} --deny-principal User:eve --operation Read --topic lines-both`)
  await says('prefixed', `${alice} --operation Read --topic lines- --resource-pattern-type prefixed`)
  await says('for all topics', `${alice} --operation Describe --topic *`)
  await says('for a group', `${alice} --operation Read --group lines-group`)
  await says('for a transactional id', `${alice} --operation Write --transactional-id lines-id`)
  await says('for the cluster', `${alice} --operation ClusterAction --cluster`)
  await says('for tokens', `${alice} --operation Describe --delegation-token lines-token`)
  await says('for tokens of a user', `${alice} --operation CreateTokens --user-principal User:bob`)
  await says('for a topic and a group', `${alice} --operation Read --topic lines-two --group lines-two`)
  await says('for a producer', '--allow-principal User:pia --producer --topic lines-produced')
  await says('for an idempotent one', '--allow-principal User:ida --producer --idempotent --topic lines-produced')
  await says(
    'for a transactional one',
    '--allow-principal User:tom --producer --transactional-id lines-tx --topic lines-produced',
  )
  await says('for a consumer', '--allow-principal User:kay --consumer --topic lines-consumed --group lines-consumers')
  await says('for a consumer without a group', '--allow-principal User:kay --consumer --topic lines-consumed')
  await says('of an unknown operation', `${alice} --operation Fly --topic lines`)
  await says('of an operation that groups lack', `${alice} --operation Alter --group lines-group`)
  await says('without a resource', `${alice} --operation Read`)
  await says('without a principal', '--operation Read --topic lines')
  await says('with a principal of no type', '--allow-principal alice --operation Read --topic lines')
  await says('of any pattern', `${alice} --operation Read --topic lines --resource-pattern-type any`)
  await says('and remove', `--remove ${alice} --operation Read --topic lines`)
}

async function listings(bench: Bench): Promise<void> {
  const says = (name: string, args: string) => lines(bench, 'acls', `list ${name}`, `--list ${args}`)
  await says('of all', '')
  await says('of a topic', '--topic lines')
  await says('of one that has none', '--topic other')
  await says('of a topic, prefixed', '--topic lines- --resource-pattern-type prefixed')
  await says('of a topic, matching', '--topic lines-all --resource-pattern-type match')
  await says('of a topic, any pattern', '--topic lines- --resource-pattern-type any')
  await says('of a principal', '--principal User:bob')
  await says('of two principals and a topic', '--principal User:bob --principal User:alice --topic lines')
  await says('of the cluster', '--cluster')
  await says('of a group', '--group lines-consumers')
  await says('of tokens', '--delegation-token lines-token')
  await says('of tokens of a user', '--user-principal User:bob')
  await says('by an unknown pattern type', '--topic lines --resource-pattern-type some')
}

async function refusals(bench: Bench): Promise<void> {
  const topic = '--allow-principal User:bob --operation Read --topic lines'
  await lines(bench, 'acls', 'list by nobody special', '--list', 'bob')
  await lines(bench, 'acls', 'add by nobody special', `--add ${topic}`, 'bob')
  await lines(bench, 'acls', 'remove by nobody special', `--remove --force ${topic}`, 'bob')
  await lines(bench, 'acls', 'allow to describe', '--add --allow-principal User:bob --operation Describe --cluster')
  await lines(bench, 'acls', 'list by one who may describe', '--list --topic lines', 'bob')
  await lines(bench, 'acls', 'add by one who may describe', `--add ${topic}`, 'bob')
  await lines(bench, 'acls', 'list by a super user with a login', '--list --topic lines', 'admin')
}

async function removals(bench: Bench): Promise<void> {
  const says = (name: string, args: string) => lines(bench, 'acls', `remove ${name}`, `--remove --force ${args}`)
  await says('one', '--allow-principal User:alice --operation Read --topic lines')
  await says('one that is not there', '--allow-principal User:nobody --operation Read --topic lines')
  await says('what denies', '--deny-principal User:bob --deny-host 10.0.0.3 --operation Write --topic lines')
  await says('a producer', '--allow-principal User:pia --producer --topic lines-produced')
  await says('a consumer', '--allow-principal User:kay --consumer --topic lines-consumed --group lines-consumers')
  await says('all of a topic', '--topic lines')
  await says('all of what has none', '--topic other')
  await says('all of a prefix', '--topic lines- --resource-pattern-type prefixed')
  await says('all that match', '--topic lines-all --resource-pattern-type match')
  await says('all of the cluster', '--cluster')
  await lines(bench, 'acls', 'list of what is left', '--list')
}

async function tokens(bench: Bench): Promise<void> {
  const says = (name: string, args: string, by: User = 'alice') => lines(bench, 'tokens', name, args, by)
  const made = await says('create', '--create --max-life-time-period -1 --renewer-principal User:bob')
  const hmac = /\s(\S{86}==)\s/.exec(made)?.[1] ?? 'none'
  await says('create for a time', '--create --max-life-time-period 3600000')
  await says('create for another', '--create --max-life-time-period -1 --owner-principal User:bob')
  await says(
    'create for another, as a super user',
    '--create --max-life-time-period -1 --owner-principal User:bob',
    'admin',
  )
  await says('create with a renewer of no type', '--create --max-life-time-period -1 --renewer-principal bob')
  await says('describe', '--describe')
  await says('describe as a renewer', '--describe', 'bob')
  await says('describe as a super user', '--describe', 'admin')
  await says('describe those of one', '--describe --owner-principal User:alice', 'admin')
  await says('describe those of nobody', '--describe --owner-principal User:nobody')
  await says('renew', `--renew --renew-time-period 60000 --hmac ${hmac}`)
  await says('renew as a renewer', `--renew --renew-time-period -1 --hmac ${hmac}`, 'bob')
  await says('renew one that is not there', '--renew --renew-time-period -1 --hmac bm9uZQ==')
  await says('renew without its HMAC', '--renew --renew-time-period -1')
  await says('expire in a while', `--expire --expiry-time-period 60000 --hmac ${hmac}`)
  await says('expire at once', `--expire --expiry-time-period -1 --hmac ${hmac}`)
  await says('expire what is expired', `--expire --expiry-time-period -1 --hmac ${hmac}`)
  await says('describe what is left', '--describe')
}

// ---- lines

/** One use of a tool: recorded, or compared with what was recorded; by nobody or a user. @returns what it printed */
async function lines(bench: Bench, tool: Tool, name: string, args: string, by?: User): Promise<string> {
  const { run, client, recorded, directory, plain, logins } = bench
  const simple = classes[tool].split('.').at(-1)
  let printed = ''
  await checkClient(run, client, `${simple}: ${name}`, async () => {
    const to = by === undefined ? [] : ['--command-config', configFile(directory, by)]
    const own = args.split(' ').filter((arg) => arg !== '')
    const bootstrap = ['--bootstrap-server', by === undefined ? plain : logins]
    const { exit, stdout, stderr } = await client.call('tool', {
      class: classes[tool],
      args: [...bootstrap, ...to, ...own],
    })
    printed = stdout
    recorded.take(`${simple}: ${name}`, saidOf(exit, `${stdout}\n${stderr}`))
    // Apache Kafka's brokers learn of a change a moment after it is made.
    if (/--(add|remove|create|renew|expire)/.test(args)) await new Promise((resolve) => setTimeout(resolve, 300))
  })
  return printed
}

/** Without the tool's own stack and options; what belongs to a resource is with it, and sorted, as it has the order of hash maps. */
function saidOf(exit: number, output: string): Said {
  let heading = ''
  const said: string[] = []
  for (const line of output.replace(/^Option +Description[\s\S]*/m, '').split('\n')) {
    if (/^\s*(at |\.\.\. \d+ more|$|null$|Agent\$Exited|\[.*\] ERROR )/.test(line)) continue
    const text = masked(line)
    if (/^\s+\(principal=/.test(line)) said.push(`${heading} ${text}`)
    else {
      heading = text
      said.push(text)
    }
  }
  return { exit, lines: said.sort() }
}

const masked = (line: string): string =>
  line
    .replaceAll(/\S{86}==/g, 'HMAC')
    .replaceAll(/(?<![\w-])[\w-]{22}(?![\w-])/g, 'TOKEN')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d/g, 'DATE')
    // Kafka's reason shows a Java object of its own, with its address.
    .replaceAll(/(ClusterAuthorizationException: ).*/g, '$1REASON')
    // The tool's own hash order.
    .replaceAll(/(?<=only supports operations \[).*(?=\])/g, (names) => names.split(', ').sort().join(', '))
    .replaceAll(/\s+/g, ' ')
    .trim()
