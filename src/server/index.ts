/** server: the room's public face. */
export type { ClientConnection } from './client-connection.ts'
export { authenticationTimeoutMs, maxUnansweredBytes, maxUnansweredRequests } from './request-pipeline.ts'
export { maxCloseMs, Server } from './server.ts'
