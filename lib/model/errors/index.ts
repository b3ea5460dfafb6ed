export * from './AegisError.js';
export * from './CallErrors.js';
export * from './RefusalErrors.js';
export * from './ServiceErrors.js';
export * from './SetupErrors.js';
