/** config: broker configs of listeners, sockets and connections. */

import { int, list, long, maxInt, string } from '../config-definition.ts'
import { notYet, obeyed } from '../effects.ts'
import { anyList, atLeast, nonEmptyList, oneOf } from '../validators.ts'

export const networkConfigs = {
  'advertised.listeners': list(null, {
    valid: nonEmptyList,
    importance: 'HIGH',
    effect: obeyed,
    documentation:
      'Specifies the listener addresses that the Kafka brokers will advertise to clients and other brokers.',
  }),
  'connections.max.idle.ms': long(600_000, {
    effect: obeyed,
    documentation:
      'Idle connections timeout: the server socket processor threads close the connections that idle more than this',
  }),
  'controller.listener.names': list(['CONTROLLER'], {
    kafkaDefault: 'required',
    valid: nonEmptyList,
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'A comma-separated list of the names of the listeners used by the controller.',
  }),
  'early.start.listeners': list(null, {
    valid: anyList,
    importance: 'HIGH',
    effect: notYet.internals,
    documentation:
      'A comma-separated list of listener names which may be started before the authorizer has finished initialization.',
  }),
  'inter.broker.listener.name': string(null, {
    effect: obeyed,
    documentation: 'Name of listener used for communication between brokers.',
  }),
  'listener.security.protocol.map': string(
    'SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT',
    {
      importance: 'LOW',
      updateMode: 'per-broker',
      effect: obeyed,
      documentation: 'Map between listener names and security protocols.',
    },
  ),
  listeners: list(['PLAINTEXT://localhost:9092'], {
    kafkaDefault: ['PLAINTEXT://:9092'],
    valid: nonEmptyList,
    importance: 'HIGH',
    updateMode: 'per-broker',
    effect: obeyed,
    documentation: 'Listener List - Comma-separated list of URIs we will listen on and the listener names.',
  }),
  'max.connection.creation.rate': int(maxInt, {
    valid: atLeast(0),
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The maximum connection creation rate we allow in the broker at any time.',
  }),
  'max.connections': int(maxInt, {
    valid: atLeast(0),
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The maximum number of connections we allow in the broker at any time.',
  }),
  'max.connections.per.ip': int(maxInt, {
    valid: atLeast(0),
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation: 'The maximum number of connections we allow from each ip address.',
  }),
  'max.connections.per.ip.overrides': string('', {
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation:
      'A comma-separated list of per-ip or hostname overrides to the default maximum number of connections.',
  }),
  'num.io.threads': int(8, {
    valid: atLeast(1),
    importance: 'HIGH',
    updateMode: 'cluster-wide',
    effect: notYet.threads,
    documentation: 'The number of threads that the server uses for processing requests, which may include disk I/O',
  }),
  'num.network.threads': int(3, {
    valid: atLeast(1),
    importance: 'HIGH',
    updateMode: 'cluster-wide',
    effect: notYet.threads,
    documentation:
      'The number of threads that the server uses for receiving requests from the network and sending responses to the network.',
  }),
  'queued.max.request.bytes': long(-1, {
    effect: obeyed,
    documentation: 'The number of queued bytes allowed before no more requests are read',
  }),
  'queued.max.requests': int(500, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: notYet.internals,
    documentation: 'The number of queued requests allowed for data-plane, before blocking the network threads',
  }),
  'request.timeout.ms': int(30000, {
    importance: 'HIGH',
    effect: notYet.replication,
    documentation:
      'The configuration controls the maximum amount of time the client will wait for the response of a request.',
  }),
  'security.inter.broker.protocol': string('PLAINTEXT', {
    valid: oneOf('PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'),
    effect: obeyed,
    documentation: 'Security protocol used to communicate between brokers.',
  }),
  'socket.connection.setup.timeout.max.ms': long(30000, {
    effect: notYet.replication,
    documentation: 'The maximum amount of time the client will wait for the socket connection to be established.',
  }),
  'socket.connection.setup.timeout.ms': long(10000, {
    effect: notYet.replication,
    documentation: 'The amount of time the client will wait for the socket connection to be established.',
  }),
  'socket.listen.backlog.size': int(50, {
    valid: atLeast(1),
    effect: notYet.internals,
    documentation: 'The maximum number of pending connections on the socket.',
  }),
  'socket.receive.buffer.bytes': int(102_400, {
    importance: 'HIGH',
    effect: notYet.socketBuffers,
    documentation: 'The SO_RCVBUF buffer of the socket server sockets.',
  }),
  'socket.request.max.bytes': int(104_857_600, {
    valid: atLeast(1),
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'The maximum number of bytes in a socket request',
  }),
  'socket.send.buffer.bytes': int(102_400, {
    importance: 'HIGH',
    effect: notYet.socketBuffers,
    documentation: 'The SO_SNDBUF buffer of the socket server sockets.',
  }),
} as const
