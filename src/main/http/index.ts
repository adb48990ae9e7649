export { type HostedEngine, type HttpServer, type HttpServerOptions, startHttpServer } from './server.ts';
