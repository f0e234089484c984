import './base.css';
import './panel.css';
import './spec.css';
import './badge.css';
